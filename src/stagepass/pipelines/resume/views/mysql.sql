-- resume by its nouns. A profile is a job; the rows are the engine's own, seen by name.

CREATE VIEW resume_profiles AS
SELECT j.id AS id, j.owner AS owner, JSON_UNQUOTE(JSON_EXTRACT(j.input, '$.session_id')) AS session_id, j.state AS status,
  JSON_UNQUOTE(JSON_EXTRACT(r.output, '$.field')) AS field, JSON_UNQUOTE(JSON_EXTRACT(r.output, '$.role')) AS role,
  JSON_EXTRACT(r.output, '$.years.value') AS years, JSON_UNQUOTE(JSON_EXTRACT(r.output, '$.text')) AS resume_text,
  j.created_at AS created_at, j.updated_at AS updated_at
FROM jobs j LEFT JOIN stage_runs r ON r.job_id = j.id AND r.stage = 'parse' WHERE j.pipeline = 'resume';

CREATE VIEW interview_questions AS
SELECT r.job_id AS resume_profile_id, q.position - 1 AS position, q.question_text, q.category, q.difficulty, q.reasoning
FROM stage_runs r, JSON_TABLE(r.output, '$.questions[*]' COLUMNS (position FOR ORDINALITY,
  question_text TEXT PATH '$.question_text', category VARCHAR(20) PATH '$.category',
  difficulty VARCHAR(10) PATH '$.difficulty', reasoning TEXT PATH '$.reasoning')) q
WHERE r.pipeline = 'resume' AND r.stage = 'questions' AND r.output IS NOT NULL;

CREATE VIEW learning_paths AS
SELECT r.job_id AS resume_profile_id, p.position - 1 AS position, p.title, p.description, p.priority, p.difficulty,
  p.estimated_duration
FROM stage_runs r, JSON_TABLE(r.output, '$.learning_paths[*]' COLUMNS (position FOR ORDINALITY,
  title TEXT PATH '$.title', description TEXT PATH '$.description', priority VARCHAR(10) PATH '$.priority',
  difficulty VARCHAR(10) PATH '$.difficulty', estimated_duration VARCHAR(100) PATH '$.estimated_duration')) p
WHERE r.pipeline = 'resume' AND r.stage = 'learning_path' AND r.output IS NOT NULL;
