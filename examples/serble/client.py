#!/usr/bin/env python3
"""An app that users let in as Serble's documents say. README.md tells how to run it."""

import hmac
import json
import os
import secrets
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import Request, urlopen

GATEWAY = os.environ.get("GATEWAY", "http://127.0.0.1:8080")
CLIENT_ID = os.environ["CLIENT_ID"]
CLIENT_SECRET = os.environ["CLIENT_SECRET"]
SCOPE = "user_info file_host"


class Callback(BaseHTTPRequestHandler):
    """The address to which the user's browser comes back."""

    def do_GET(self):
        address = urlsplit(self.path)
        answer = dict(parse_qsl(address.query))
        # Without our state it is somebody else's answer, perhaps with a code for his own account.
        ours = hmac.compare_digest(answer.get("state", "").encode(), self.server.state.encode())
        if address.path != "/callback" or not ours:
            return self.send_error(400)
        self.server.answer = answer
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(b"You may close this page and go back to the app.\n")

    def log_message(self, *_):
        """Logs nothing: the code stands in the address."""


def ask_the_user():
    """Sends the user to the gateway; answers the code with which he comes back."""
    with HTTPServer(("127.0.0.1", 0), Callback) as server:
        server.state, server.answer = secrets.token_urlsafe(32), None
        redirect_uri = f"http://127.0.0.1:{server.server_port}/callback"
        question = {"client_id": CLIENT_ID, "redirect_uri": redirect_uri, "response_type": "token"}
        query = urlencode({**question, "scope": SCOPE, "state": server.state})
        print(f"Open {GATEWAY}/oauth/authorize?{query}", flush=True)
        while server.answer is None:
            server.handle_request()
    if server.answer.get("authorized") != "true":
        sys.exit("You did not let the app in.")
    return server.answer["code"]


def tokens(endpoint, **shown):
    """Asks for tokens. The gateway says in a sentence what is wrong."""
    app = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "grant_type": "authorization_code"}
    url = f"{GATEWAY}/api/v1/oauth/token/{endpoint}?{urlencode({**shown, **app})}"
    try:
        with urlopen(Request(url, data=b"", headers={"Content-Type": "application/json"}), timeout=30) as answer:
            return json.load(answer)
    except HTTPError as error:
        sys.exit(f"No tokens: {error.read().decode()}")


class User:
    """Whoever let the app in. A real app keeps the refresh token, and keeps it secret."""

    def __init__(self, code):
        issued = tokens("refresh", code=code)
        self.access_token, self.refresh_token = issued["access_token"], issued["refresh_token"]

    def renew(self):
        """The access token is good for an hour, the refresh token for ten years."""
        self.access_token = tokens("access", refresh_token=self.refresh_token)["access_token"]

    def get(self, path, again=True):
        """Asks for something on the user's behalf, with another access token where this one is over."""
        request = Request(GATEWAY + path, headers={"SerbleAuth": f"App {self.access_token}"})
        try:
            with urlopen(request, timeout=30) as answer:
                return answer.read()
        except HTTPError as error:
            if error.code != 401 or not again:
                sys.exit(f"{path}: {error.code} {error.read().decode()}")
        self.renew()
        return self.get(path, again=False)


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else "/files/"
    user = User(ask_the_user())
    print(f"Hello, {json.loads(user.get('/api/v1/account'))['username']}!")
    print(f"{path} has {len(user.get(path))} bytes.")
    user.renew()
    print(f"With another access token it has {len(user.get(path))}.")


if __name__ == "__main__":
    main()
