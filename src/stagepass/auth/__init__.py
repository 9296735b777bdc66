"""Who calls the API, by `AUTH_MODE`; also checked by `stagepass up` before anything is started."""
