-- promo by its nouns. A project is a job; the rows are the engine's own, seen by name.

CREATE VIEW promo_project AS
SELECT id AS job_id, coalesce(JSON_VALUE(input, '$.task_id'), id) AS task_id, owner,
  JSON_VALUE(input, '$.customer_name') AS customer_name, JSON_VALUE(input, '$.region') AS region,
  JSON_VALUE(input, '$.language') AS language, state AS status, created_at, updated_at
FROM jobs WHERE pipeline = 'promo';

CREATE VIEW promo_image AS
SELECT j.id AS job_id, i.position - 1 AS position, coalesce(i.plain, i.uri) AS url, i.sha256,
  i.uri IS NOT NULL AND NOT EXISTS (SELECT 1 FROM files f WHERE f.uri = i.uri) AS deleted
FROM jobs j, JSON_TABLE(j.input, '$.images[*]' COLUMNS (
  position FOR ORDINALITY, plain VARCHAR(2000) PATH '$', uri VARCHAR(300) PATH '$.uri',
  sha256 VARCHAR(64) PATH '$.sha256')) AS i
WHERE j.pipeline = 'promo';

CREATE VIEW promo_lyric AS
SELECT job_id, state AS status, JSON_VALUE(output, '$.prompt') AS prompt, JSON_VALUE(output, '$.title') AS title, JSON_VALUE(output, '$.text') AS result,
  JSON_VALUE(output, '$.provider') AS provider, JSON_VALUE(output, '$.model') AS model, error, finished_at
FROM stage_runs WHERE pipeline = 'promo' AND stage = 'lyric';

CREATE VIEW promo_song AS
SELECT r.job_id, r.state AS status,
  coalesce(JSON_VALUE(r.output, '$.remote_id'), JSON_UNQUOTE(m.value)) AS remote_id,
  JSON_VALUE(r.output, '$.clip_id') AS clip_id, CAST(JSON_VALUE(r.output, '$.duration') AS DOUBLE) AS duration,
  JSON_VALUE(r.output, '$.file.uri') AS url, JSON_VALUE(r.output, '$.provider') AS provider, r.error, r.finished_at
FROM stage_runs r LEFT JOIN memos m ON m.run_id = r.id AND m.name = 'suno_task_id'
WHERE r.pipeline = 'promo' AND r.stage = 'song';

CREATE VIEW promo_song_timestamp AS
SELECT r.job_id, t.position - 1 AS position, t.line, t.start_s, t.end_s
FROM stage_runs r, JSON_TABLE(r.output, '$.timing[*]' COLUMNS (
  position FOR ORDINALITY, line VARCHAR(500) PATH '$.text', start_s DOUBLE PATH '$.start',
  end_s DOUBLE PATH '$.end')) AS t
WHERE r.pipeline = 'promo' AND r.stage = 'song' AND r.output IS NOT NULL;

CREATE VIEW promo_video AS
SELECT r.job_id, r.state AS status, coalesce(JSON_VALUE(r.output, '$.remote_id'), JSON_UNQUOTE(m.value)) AS remote_id,
  CAST(JSON_VALUE(r.output, '$.duration') AS DOUBLE) AS duration, CAST(JSON_VALUE(r.output, '$.width') AS DOUBLE) AS width, CAST(JSON_VALUE(r.output, '$.height') AS DOUBLE) AS height,
  JSON_VALUE(r.output, '$.file.uri') AS url, JSON_VALUE(r.output, '$.provider') AS provider, r.error, r.finished_at
FROM stage_runs r LEFT JOIN memos m ON m.run_id = r.id AND m.name = 'creatomate_render_id'
WHERE r.pipeline = 'promo' AND r.stage = 'video';
