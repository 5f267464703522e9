# Asks as often as it is told where and with what token, and says what came of it.
import json
import sys

import openai

for line in sys.stdin:
    client = openai.OpenAI(**json.loads(line), max_retries=0)
    try:
        client.models.list()
        print(json.dumps("answered"))
    except openai.APIStatusError as error:
        assert error.request_id, "nothing to ask the operator about"
        retry_after = error.response.headers.get("retry-after")
        print(json.dumps([type(error).__name__, error.status_code, error.code, retry_after]))
