"""The pipeline `resume`: interview questions and a plan of what to learn, from a résumé."""
