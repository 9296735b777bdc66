-- promo by its nouns. A project is a job; the rows are the engine's own, seen by name.

CREATE VIEW promo_project AS
SELECT id AS job_id, coalesce(json_extract(input, '$.task_id'), id) AS task_id, owner,
  json_extract(input, '$.customer_name') AS customer_name, json_extract(input, '$.region') AS region,
  json_extract(input, '$.language') AS language, state AS status, created_at, updated_at
FROM jobs WHERE pipeline = 'promo';

CREATE VIEW promo_image AS
SELECT j.id AS job_id, i.key AS position,
  CASE WHEN i.type = 'object' THEN json_extract(i.value, '$.uri') ELSE i.value END AS url,
  CASE WHEN i.type = 'object' THEN json_extract(i.value, '$.sha256') END AS sha256,
  i.type = 'object' AND NOT EXISTS (SELECT 1 FROM files f WHERE f.uri = json_extract(i.value, '$.uri')) AS deleted
FROM jobs j, json_each(j.input, '$.images') AS i
WHERE j.pipeline = 'promo';

CREATE VIEW promo_lyric AS
SELECT job_id, state AS status, json_extract(output, '$.prompt') AS prompt, json_extract(output, '$.title') AS title, json_extract(output, '$.text') AS result,
  json_extract(output, '$.provider') AS provider, json_extract(output, '$.model') AS model, error, finished_at
FROM stage_runs WHERE pipeline = 'promo' AND stage = 'lyric';

CREATE VIEW promo_song AS
SELECT r.job_id, r.state AS status,
  coalesce(json_extract(r.output, '$.remote_id'), json_extract(m.value, '$')) AS remote_id,
  json_extract(r.output, '$.clip_id') AS clip_id, json_extract(r.output, '$.duration') AS duration,
  json_extract(r.output, '$.file.uri') AS url, json_extract(r.output, '$.provider') AS provider, r.error, r.finished_at
FROM stage_runs r LEFT JOIN memos m ON m.run_id = r.id AND m.name = 'suno_task_id'
WHERE r.pipeline = 'promo' AND r.stage = 'song';

CREATE VIEW promo_song_timestamp AS
SELECT r.job_id, t.key AS position, json_extract(t.value, '$.text') AS line,
  (json_extract(t.value, '$.start')) AS start_s, (json_extract(t.value, '$.end')) AS end_s
FROM stage_runs r, json_each(r.output, '$.timing') AS t
WHERE r.pipeline = 'promo' AND r.stage = 'song' AND r.output IS NOT NULL;

CREATE VIEW promo_video AS
SELECT r.job_id, r.state AS status, coalesce(json_extract(r.output, '$.remote_id'), json_extract(m.value, '$')) AS remote_id,
  json_extract(r.output, '$.duration') AS duration, json_extract(r.output, '$.width') AS width, json_extract(r.output, '$.height') AS height,
  json_extract(r.output, '$.file.uri') AS url, json_extract(r.output, '$.provider') AS provider, r.error, r.finished_at
FROM stage_runs r LEFT JOIN memos m ON m.run_id = r.id AND m.name = 'creatomate_render_id'
WHERE r.pipeline = 'promo' AND r.stage = 'video';
