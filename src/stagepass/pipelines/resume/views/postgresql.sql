-- resume by its nouns. A profile is a job; the rows are the engine's own, seen by name.

CREATE VIEW resume_profiles AS
SELECT j.id AS id, j.owner AS owner, j.input::jsonb #>> '{session_id}' AS session_id, j.state AS status,
  r.output::jsonb #>> '{field}' AS field, r.output::jsonb #>> '{role}' AS role,
  (r.output::jsonb #>> '{years,value}')::double precision AS years, r.output::jsonb #>> '{text}' AS resume_text,
  j.created_at AS created_at, j.updated_at AS updated_at
FROM jobs j LEFT JOIN stage_runs r ON r.job_id = j.id AND r.stage = 'parse' WHERE j.pipeline = 'resume';

CREATE VIEW interview_questions AS
SELECT r.job_id AS resume_profile_id, q.number - 1 AS position, q.value ->> 'question_text' AS question_text,
  q.value ->> 'category' AS category, q.value ->> 'difficulty' AS difficulty, q.value ->> 'reasoning' AS reasoning
FROM stage_runs r, jsonb_array_elements(r.output::jsonb -> 'questions') WITH ORDINALITY AS q(value, number)
WHERE r.pipeline = 'resume' AND r.stage = 'questions' AND r.output IS NOT NULL;

CREATE VIEW learning_paths AS
SELECT r.job_id AS resume_profile_id, p.number - 1 AS position, p.value ->> 'title' AS title,
  p.value ->> 'description' AS description, p.value ->> 'priority' AS priority, p.value ->> 'difficulty' AS difficulty,
  p.value ->> 'estimated_duration' AS estimated_duration
FROM stage_runs r, jsonb_array_elements(r.output::jsonb -> 'learning_paths') WITH ORDINALITY AS p(value, number)
WHERE r.pipeline = 'resume' AND r.stage = 'learning_path' AND r.output IS NOT NULL;
