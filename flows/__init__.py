"""What a person starts: the flow `dub`, the command line, and the server both need."""
