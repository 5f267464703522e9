# Each kind of call once. OPENAI_BASE_URL and OPENAI_API_KEY say where, and who asks.
import base64
import json

from openai import OpenAI

client = OpenAI()
question = [{"role": "user", "content": "Hello!"}]

models = client.models.list()
chat = client.chat.completions.create(model="any", messages=question)
streamed = client.chat.completions.create(model="any", messages=question, stream=True)
images = client.images.generate(model="any", prompt="A gate", n=2)
embeddings = client.embeddings.create(model="any", input=["A gate", "A fence"])

print(json.dumps({
    "models": [model.id for model in models],
    "chat": chat.choices[0].message.content,
    "tokens": chat.usage.total_tokens,
    "streamed": [chunk.choices[0].delta.content for chunk in streamed],
    "images": [base64.b64decode(image.b64_json)[:4].hex() for image in images.data],
    "embeddings": [len(one.embedding) for one in embeddings.data],
}))
