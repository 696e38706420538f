-- A ledger as Dubline wrote it before it knew paid vendors (commit d82b129).
BEGIN TRANSACTION;
CREATE TABLE events (
	id INTEGER NOT NULL, 
	ticket_id INTEGER NOT NULL, 
	attempt INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	request_id VARCHAR(256), 
	billed_usd VARCHAR(32), 
	detail TEXT, 
	at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(ticket_id) REFERENCES tickets (id)
);
INSERT INTO "events" VALUES(1,1,1,'intended',NULL,NULL,NULL,'2026-11-20T11:52:21.337653+00:00');
INSERT INTO "events" VALUES(2,2,1,'intended',NULL,NULL,NULL,'2026-11-20T11:52:21.345218+00:00');
INSERT INTO "events" VALUES(3,2,1,'submitting',NULL,NULL,NULL,'2026-11-20T11:52:21.349222+00:00');
INSERT INTO "events" VALUES(4,2,1,'submitted','job-1',NULL,NULL,'2026-11-20T11:52:21.361367+00:00');
INSERT INTO "events" VALUES(5,2,1,'completed','job-1',NULL,NULL,'2026-11-20T11:52:21.365474+00:00');
INSERT INTO "events" VALUES(6,2,1,'delivered','job-1','0.04',NULL,'2026-11-20T11:52:21.367801+00:00');
INSERT INTO "events" VALUES(7,3,1,'intended',NULL,NULL,NULL,'2026-11-20T11:52:21.370133+00:00');
INSERT INTO "events" VALUES(8,3,1,'submitting',NULL,NULL,NULL,'2026-11-20T11:52:21.371266+00:00');
INSERT INTO "events" VALUES(9,3,1,'unknown',NULL,NULL,'silence','2026-11-20T11:52:21.372402+00:00');
INSERT INTO "events" VALUES(10,4,1,'intended',NULL,NULL,NULL,'2026-11-20T11:52:21.373817+00:00');
INSERT INTO "events" VALUES(11,4,1,'submitting',NULL,NULL,NULL,'2026-11-20T11:52:21.374901+00:00');
INSERT INTO "events" VALUES(12,4,1,'submitted','job-2',NULL,NULL,'2026-11-20T11:52:21.375980+00:00');
INSERT INTO "events" VALUES(13,4,1,'failed','job-2','0','broke','2026-11-20T11:52:21.377102+00:00');
INSERT INTO "events" VALUES(14,5,1,'intended',NULL,NULL,NULL,'2026-11-20T11:52:21.467279+00:00');
INSERT INTO "events" VALUES(15,5,1,'submitting',NULL,NULL,NULL,'2026-11-20T11:52:21.468504+00:00');
CREATE TABLE schema_version (
	version INTEGER
);
INSERT INTO "schema_version" VALUES(1);
CREATE TABLE tickets (
	id INTEGER NOT NULL, 
	"key" VARCHAR(128) NOT NULL, 
	generation INTEGER NOT NULL, 
	attempt INTEGER NOT NULL, 
	revision INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	vendor VARCHAR(64) NOT NULL, 
	model VARCHAR(128) NOT NULL, 
	endpoint VARCHAR(256) NOT NULL, 
	"order" TEXT NOT NULL, 
	request_id VARCHAR(256), 
	urls TEXT NOT NULL, 
	quoted_usd VARCHAR(32) NOT NULL, 
	billed_usd VARCHAR(32), 
	delivery TEXT, 
	notes TEXT NOT NULL, 
	detail TEXT, 
	created_at VARCHAR(32) NOT NULL, 
	updated_at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE ("key")
);
INSERT INTO "tickets" VALUES(1,'intended',1,1,1,'intended','paid','sync-2','fal-ai/sync-lipsync/v2','{"key":"intended","generation":1,"vendor":"paid","model":"sync-2","endpoint":"fal-ai/sync-lipsync/v2","arguments":{"sync_mode":"cut_off"},"video":{"path":"/nowhere.mp4","sha256":"0000000000000000000000000000000000000000000000000000000000000000","size_bytes":1},"voice":{"path":"/nowhere.mp4","sha256":"0000000000000000000000000000000000000000000000000000000000000000","size_bytes":1},"frames":25,"rate":"25","quoted_usd":"0.05"}',NULL,'{}','0.05',NULL,NULL,'[]',NULL,'2026-11-20T11:52:21.337653+00:00','2026-11-20T11:52:21.337653+00:00');
INSERT INTO "tickets" VALUES(2,'delivered',1,1,5,'delivered','paid','sync-2','fal-ai/sync-lipsync/v2','{"key":"delivered","generation":1,"vendor":"paid","model":"sync-2","endpoint":"fal-ai/sync-lipsync/v2","arguments":{"sync_mode":"cut_off"},"video":{"path":"/nowhere.mp4","sha256":"0000000000000000000000000000000000000000000000000000000000000000","size_bytes":1},"voice":{"path":"/nowhere.mp4","sha256":"0000000000000000000000000000000000000000000000000000000000000000","size_bytes":1},"frames":25,"rate":"25","quoted_usd":"0.10"}','job-1','{"status": "https://x/s"}','0.10','0.04','{"path":"/nowhere.mp4","sha256":"0000000000000000000000000000000000000000000000000000000000000000","size_bytes":1}','["a note"]',NULL,'2026-11-20T11:52:21.345218+00:00','2026-11-20T11:52:21.367801+00:00');
INSERT INTO "tickets" VALUES(3,'unknown',1,1,3,'unknown','paid','sync-2','fal-ai/sync-lipsync/v2','{"key":"unknown","generation":1,"vendor":"paid","model":"sync-2","endpoint":"fal-ai/sync-lipsync/v2","arguments":{"sync_mode":"cut_off"},"video":{"path":"/nowhere.mp4","sha256":"0000000000000000000000000000000000000000000000000000000000000000","size_bytes":1},"voice":{"path":"/nowhere.mp4","sha256":"0000000000000000000000000000000000000000000000000000000000000000","size_bytes":1},"frames":25,"rate":"25","quoted_usd":"0.25"}',NULL,'{}','0.25',NULL,NULL,'[]','silence','2026-11-20T11:52:21.370133+00:00','2026-11-20T11:52:21.372402+00:00');
INSERT INTO "tickets" VALUES(4,'failed',1,1,4,'failed','paid','sync-2','fal-ai/sync-lipsync/v2','{"key":"failed","generation":1,"vendor":"paid","model":"sync-2","endpoint":"fal-ai/sync-lipsync/v2","arguments":{"sync_mode":"cut_off"},"video":{"path":"/nowhere.mp4","sha256":"0000000000000000000000000000000000000000000000000000000000000000","size_bytes":1},"voice":{"path":"/nowhere.mp4","sha256":"0000000000000000000000000000000000000000000000000000000000000000","size_bytes":1},"frames":25,"rate":"25","quoted_usd":"3"}','job-2','{}','3','0',NULL,'[]','broke','2026-11-20T11:52:21.373817+00:00','2026-11-20T11:52:21.377102+00:00');
INSERT INTO "tickets" VALUES(5,'left',1,1,2,'submitting','paid','sync-2','fal-ai/sync-lipsync/v2','{"key":"left","generation":1,"vendor":"paid","model":"sync-2","endpoint":"fal-ai/sync-lipsync/v2","arguments":{"sync_mode":"cut_off"},"video":{"path":"/nowhere.mp4","sha256":"0000000000000000000000000000000000000000000000000000000000000000","size_bytes":1},"voice":{"path":"/nowhere.mp4","sha256":"0000000000000000000000000000000000000000000000000000000000000000","size_bytes":1},"frames":25,"rate":"25","quoted_usd":"0.01"}',NULL,'{}','0.01',NULL,NULL,'[]',NULL,'2026-11-20T11:52:21.467279+00:00','2026-11-20T11:52:21.468504+00:00');
CREATE INDEX ix_tickets_request_id ON tickets (request_id);
CREATE INDEX ix_tickets_state ON tickets (state);
CREATE INDEX ix_events_ticket_id ON events (ticket_id);
COMMIT;
