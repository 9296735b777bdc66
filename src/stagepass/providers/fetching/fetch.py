from stagepass.files.fetch import *  # noqa
from stagepass.files.fetch import fetch_url  # noqa
