"""The rules: what a job is, what happens to it next, and who may say so. Plain Python, no framework."""
