-- promo by its nouns. A project is a job; the rows are the engine's own, seen by name.

CREATE VIEW promo_project AS
SELECT id AS job_id, coalesce(input::jsonb #>> '{task_id}', id) AS task_id, owner,
  input::jsonb #>> '{customer_name}' AS customer_name, input::jsonb #>> '{region}' AS region,
  input::jsonb #>> '{language}' AS language, state AS status, created_at, updated_at
FROM jobs WHERE pipeline = 'promo';

CREATE VIEW promo_image AS
SELECT j.id AS job_id, i.number - 1 AS position,
  CASE WHEN jsonb_typeof(i.value) = 'object' THEN i.value ->> 'uri' ELSE i.value #>> '{}' END AS url,
  CASE WHEN jsonb_typeof(i.value) = 'object' THEN i.value ->> 'sha256' END AS sha256,
  jsonb_typeof(i.value) = 'object' AND NOT EXISTS (SELECT 1 FROM files f WHERE f.uri = i.value ->> 'uri') AS deleted
FROM jobs j, jsonb_array_elements(j.input::jsonb -> 'images') WITH ORDINALITY AS i(value, number)
WHERE j.pipeline = 'promo';

CREATE VIEW promo_lyric AS
SELECT job_id, state AS status, output::jsonb #>> '{prompt}' AS prompt, output::jsonb #>> '{title}' AS title, output::jsonb #>> '{text}' AS result,
  output::jsonb #>> '{provider}' AS provider, output::jsonb #>> '{model}' AS model, error, finished_at
FROM stage_runs WHERE pipeline = 'promo' AND stage = 'lyric';

CREATE VIEW promo_song AS
SELECT r.job_id, r.state AS status,
  coalesce(r.output::jsonb #>> '{remote_id}', m.value::jsonb #>> '{}') AS remote_id,
  r.output::jsonb #>> '{clip_id}' AS clip_id, (r.output::jsonb #>> '{duration}')::double precision AS duration,
  r.output::jsonb #>> '{file,uri}' AS url, r.output::jsonb #>> '{provider}' AS provider, r.error, r.finished_at
FROM stage_runs r LEFT JOIN memos m ON m.run_id = r.id AND m.name = 'suno_task_id'
WHERE r.pipeline = 'promo' AND r.stage = 'song';

CREATE VIEW promo_song_timestamp AS
SELECT r.job_id, t.number - 1 AS position, t.value ->> 'text' AS line,
  (t.value ->> 'start')::double precision AS start_s, (t.value ->> 'end')::double precision AS end_s
FROM stage_runs r, jsonb_array_elements(r.output::jsonb -> 'timing') WITH ORDINALITY AS t(value, number)
WHERE r.pipeline = 'promo' AND r.stage = 'song' AND r.output IS NOT NULL;

CREATE VIEW promo_video AS
SELECT r.job_id, r.state AS status, coalesce(r.output::jsonb #>> '{remote_id}', m.value::jsonb #>> '{}') AS remote_id,
  (r.output::jsonb #>> '{duration}')::double precision AS duration, (r.output::jsonb #>> '{width}')::double precision AS width, (r.output::jsonb #>> '{height}')::double precision AS height,
  r.output::jsonb #>> '{file,uri}' AS url, r.output::jsonb #>> '{provider}' AS provider, r.error, r.finished_at
FROM stage_runs r LEFT JOIN memos m ON m.run_id = r.id AND m.name = 'creatomate_render_id'
WHERE r.pipeline = 'promo' AND r.stage = 'video';
