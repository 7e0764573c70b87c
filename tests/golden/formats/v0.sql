-- Source of v0.db: the layout of the first prototype, written by hand (sqlite3 v0.db < v0.sql).
-- Never change it: it stands for files that exist.
PRAGMA page_size=4096;
BEGIN;
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES('created_by', 'libhpo prototype');
CREATE TABLE study(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, seed INTEGER NOT NULL,
  created_ms INTEGER NOT NULL, n_columns INTEGER NOT NULL, n_objectives INTEGER NOT NULL, n_outcomes INTEGER NOT NULL,
  space TEXT NOT NULL, spec TEXT NOT NULL, metadata TEXT, attributes TEXT, stop_text TEXT,
  seq INTEGER NOT NULL, next_number INTEGER NOT NULL, next_draw INTEGER NOT NULL, n_waiting INTEGER NOT NULL,
  n_running INTEGER NOT NULL, n_paused INTEGER NOT NULL, n_complete INTEGER NOT NULL, n_stopped INTEGER NOT NULL,
  n_failed INTEGER NOT NULL, n_infeasible INTEGER NOT NULL, status INTEGER NOT NULL, stop_reason INTEGER NOT NULL,
  cost REAL, last_ms INTEGER NOT NULL, active_ms INTEGER NOT NULL, lease_max_ms INTEGER NOT NULL, best_value REAL,
  best_number INTEGER NOT NULL, since_best INTEGER NOT NULL) STRICT;
CREATE TABLE trial(id INTEGER PRIMARY KEY, study INTEGER NOT NULL, number INTEGER NOT NULL, state INTEGER NOT NULL,
  attempt INTEGER NOT NULL, flags INTEGER NOT NULL, lost INTEGER NOT NULL, draw INTEGER NOT NULL, parent INTEGER NOT NULL,
  token INTEGER NOT NULL, hash INTEGER NOT NULL, seq INTEGER NOT NULL, seq_ask INTEGER NOT NULL, seq_from INTEGER NOT NULL,
  seq_tell INTEGER NOT NULL, created_ms INTEGER NOT NULL, started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL,
  lease_ms INTEGER NOT NULL, cost REAL, x TEXT NOT NULL, y TEXT, sem TEXT, outcome TEXT, gradient TEXT, worker TEXT,
  reason TEXT, checkpoint TEXT, attributes TEXT) STRICT;
CREATE INDEX trial_seq ON trial(study, seq);
CREATE INDEX trial_hash ON trial(study, hash);
CREATE INDEX trial_waiting ON trial(study) WHERE state = 0;
CREATE INDEX trial_lease ON trial(study, lease_ms) WHERE state = 1;
CREATE TABLE report(id INTEGER PRIMARY KEY, study INTEGER NOT NULL, trial INTEGER NOT NULL, seq INTEGER NOT NULL,
  time_ms INTEGER NOT NULL, step REAL, fold INTEGER NOT NULL, cost REAL, y TEXT NOT NULL, metrics TEXT) STRICT;
CREATE INDEX report_trial ON report(study, trial);
INSERT INTO study VALUES(1, 'old', 42, 1700000000000, 2, 1, 0,
  '{"params":{"lr":{"type":"float","range":[1e-05,1],"scale":"log"},"opt":{"type":"categorical","values":["sgd","adam"]}}}',
  '{"objectives":[{"name":"loss","direction":"minimize"}],"sampler":"random","scheduler":"none"}', NULL, NULL, NULL,
  7, 3, 3, 0, 1, 0, 1, 0, 1, 0, 0, 0, 2.5, 1700000009000, 9000, 1700000600000, 0.25, 0, 1);
INSERT INTO trial VALUES(1099511627776, 1, 0, 3, 1, 0, 0, 0, -1, 11, 101, 4, 1, 0, 4, 1700000000000, 1700000000000,
  1700000005000, 1700000600000, 2.5, '[0.001,1]', '[0.25]', NULL, NULL, NULL, 'node1:7', NULL, NULL, NULL);
INSERT INTO trial VALUES(1099511627777, 1, 1, 5, 1, 0, 0, 1, -1, 12, 102, 6, 2, 0, 6, 1700000000000, 1700000001000,
  1700000007000, 1700000600000, 0.0, '[0.5,0]', NULL, NULL, NULL, NULL, 'node1:8', 'exit status 1', NULL, NULL);
INSERT INTO trial VALUES(1099511627778, 1, 2, 1, 1, 0, 0, 2, -1, 13, 103, 7, 7, 6, 0, 1700000009000, 1700000009000, 0,
  1700000600000, 0.0, '[0.01,1]', NULL, NULL, NULL, NULL, 'node1:9', NULL, NULL, NULL);
INSERT INTO report VALUES(1099511627779, 1, 0, 3, 1700000002000, 1.0, -1, 0.0, '[0.5]', NULL);
INSERT INTO report VALUES(1099511627781, 1, 1, 5, 1700000006000, 1.0, -1, 0.0, '[0.9]', '{"acc":0.1}');
PRAGMA application_id=0x68706F44;
PRAGMA user_version=0;
COMMIT;
PRAGMA journal_mode=WAL;
