# The device grant (RFC 8628), a call, and a call with a token that ran out. GATEWAY says where;
# CLIENT_ID and CLIENT_SECRET who asks.
import json
import os

from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client


def say(value):
    print(json.dumps(value))


gateway = os.environ["GATEWAY"]
renewed = []
client = OAuth2Client(
    os.environ["CLIENT_ID"],
    os.environ["CLIENT_SECRET"],
    token_endpoint=f"{gateway}/auth/device/token",
    update_token=lambda token, **_: renewed.append(token),
)
basic = client.client_auth("client_secret_basic")
ask = {"withhold_token": True, "auth": basic, "data": {"scope": "inference"}}
codes = client.request("POST", f"{gateway}/auth/device/code", **ask).json()
say({"open": codes["verification_uri_complete"], "user_code": codes["user_code"]})


def poll():
    grant_type = "urn:ietf:params:oauth:grant-type:device_code"
    return client.fetch_token(grant_type=grant_type, device_code=codes["device_code"])


try:
    poll()
except OAuthError as error:
    say({"polled": error.error})
input()
first = poll()
called = client.get(f"{gateway}/v1/models")
client.token["expires_at"] = 1
again = client.get(f"{gateway}/v1/models")
say({
    "scope": first["scope"],
    "answered": [called.status_code, again.status_code],
    "renewed": [token["access_token"] != first["access_token"] for token in renewed],
})
