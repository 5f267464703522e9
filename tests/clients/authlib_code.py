# The authorization code grant with PKCE (RFC 7636), a call, a refresh, a revocation (RFC 7009).
# ISSUER says where; CLIENT_ID and CLIENT_SECRET who asks.
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread

from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client

came_back = Queue()


class Callback(BaseHTTPRequestHandler):
    """Where the browser comes back to."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>Back</title><h1>Back in the app</h1>")
        if self.path.startswith("/callback?"):
            came_back.put(self.path)

    def log_message(self, *_):
        pass


listener = ThreadingHTTPServer(("127.0.0.1", 0), Callback)
Thread(target=listener.serve_forever, daemon=True).start()
here = f"http://127.0.0.1:{listener.server_port}"

issuer = os.environ["ISSUER"]
client = OAuth2Client(
    os.environ["CLIENT_ID"],
    os.environ["CLIENT_SECRET"],
    token_endpoint_auth_method="client_secret_basic",
    redirect_uri=f"{here}/callback",
    scope="inference",
    code_challenge_method="S256",
)
server = client.request("GET", f"{issuer}/.well-known/oauth-authorization-server", withhold_token=True).json()
verifier = generate_token(48)
url, state = client.create_authorization_url(server["authorization_endpoint"], code_verifier=verifier)
print(json.dumps({"open": url}))

# Raises what an error in the redirect says, and compares the state.
answer = here + came_back.get()
first = client.fetch_token(server["token_endpoint"], authorization_response=answer, code_verifier=verifier, state=state)
called = client.get(f"{issuer}/v1/models")
second = client.refresh_token(server["token_endpoint"])
again = client.get(f"{issuer}/v1/models")
revoked = client.revoke_token(server["revocation_endpoint"], second["refresh_token"], "refresh_token")
after = client.get(f"{issuer}/v1/models")
refused = None
try:
    client.refresh_token(server["token_endpoint"], second["refresh_token"])
except OAuthError as error:
    refused = error.error
print(json.dumps({
    "token_type": first["token_type"],
    "scope": first["scope"],
    "renewed": second["access_token"] != first["access_token"] and second["refresh_token"] != first["refresh_token"],
    "answered": [called.status_code, again.status_code, revoked.status_code, after.status_code],
    "refused": refused,
}))
