# Says each piece of a streamed answer as it comes, and how the stream ended.
import json

from openai import OpenAI

question = [{"role": "user", "content": "Tell me a story."}]
stream = OpenAI(max_retries=0).chat.completions.create(model="any", messages=question, stream=True)
try:
    for chunk in stream:
        print(json.dumps(chunk.choices[0].delta.content))
    print(json.dumps("the end"))
except Exception as error:
    print(json.dumps({"raised": type(error).__name__, "code": getattr(error, "code", None)}))
