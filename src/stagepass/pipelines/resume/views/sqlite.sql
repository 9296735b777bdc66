-- resume by its nouns. A profile is a job; the rows are the engine's own, seen by name.

CREATE VIEW resume_profiles AS
SELECT j.id AS id, j.owner AS owner, json_extract(j.input, '$.session_id') AS session_id, j.state AS status,
  json_extract(r.output, '$.field') AS field, json_extract(r.output, '$.role') AS role,
  json_extract(r.output, '$.years.value') AS years, json_extract(r.output, '$.text') AS resume_text,
  j.created_at AS created_at, j.updated_at AS updated_at
FROM jobs j LEFT JOIN stage_runs r ON r.job_id = j.id AND r.stage = 'parse' WHERE j.pipeline = 'resume';

CREATE VIEW interview_questions AS
SELECT r.job_id AS resume_profile_id, q.key AS position, json_extract(q.value, '$.question_text') AS question_text,
  json_extract(q.value, '$.category') AS category, json_extract(q.value, '$.difficulty') AS difficulty,
  json_extract(q.value, '$.reasoning') AS reasoning
FROM stage_runs r, json_each(r.output, '$.questions') q
WHERE r.pipeline = 'resume' AND r.stage = 'questions' AND r.output IS NOT NULL;

CREATE VIEW learning_paths AS
SELECT r.job_id AS resume_profile_id, p.key AS position, json_extract(p.value, '$.title') AS title,
  json_extract(p.value, '$.description') AS description, json_extract(p.value, '$.priority') AS priority,
  json_extract(p.value, '$.difficulty') AS difficulty, json_extract(p.value, '$.estimated_duration') AS estimated_duration
FROM stage_runs r, json_each(r.output, '$.learning_paths') p
WHERE r.pipeline = 'resume' AND r.stage = 'learning_path' AND r.output IS NOT NULL;
