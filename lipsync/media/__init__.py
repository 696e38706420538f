"""The edge where media is read and written: PyAV, and the bundled ffmpeg where PyAV cannot."""
