"""A stand-in of the Hugging Face hub: the requests that its client makes to share a repository."""

import base64
import hashlib
import json
import re
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

SALT = uuid.uuid4()  # another commit in each process: the cache of a client may outlive it
TOKENS = {"writer": "me", "reader": "you"}  # token -> user
LARGE = ".safetensors"  # goes through Git LFS
NAME = r"(?P<name>[\w.-]+/[\w.-]+)"


class HubServer(ThreadingHTTPServer):
    """Repositories in memory.

    Attributes:
        repos: name -> list of commits, each path -> bytes; empty before the first.
        private: names of the private ones.
        objects: contents of large files by sha256.
        log: "METHOD path" of every request.
        broken: a part of a path; requests to it are answered 400.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.repos: dict[str, list[dict[str, bytes]]] = {}
        self.private: set[str] = set()
        self.objects: dict[str, bytes] = {}
        self.log: list[str] = []
        self.broken = "(nothing)"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def handle_error(self, request, client_address):
        """A client that hangs up is no error."""


def commit_id(name, number):
    """The id of a commit: 40 hexadecimal digits."""
    return hashlib.sha1(f"{SALT} {name} {number}".encode()).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server: HubServer
    ROUTES = (
        ("GET|HEAD", r"/", "home"),
        ("POST", r"/api/validate-yaml", "validate"),
        ("POST", r"/api/repos/create", "create"),
        ("GET", rf"/api/models/{NAME}/tree/[^/]+", "tree"),
        ("GET", rf"/api/models/{NAME}(/revision/[^/]+)?", "info"),
        ("POST", rf"/api/models/{NAME}/preupload/main", "preupload"),
        ("POST", rf"/api/models/{NAME}/commit/main", "commit"),
        ("POST", rf"/{NAME}\.git/info/lfs/objects/batch", "batch"),
        ("PUT", r"/lfs/(?P<oid>\w{64})", "put"),
        ("GET|HEAD", rf"/{NAME}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", "resolve"),
    )

    def log_message(self, *_):
        """Quiet."""

    def _route(self):
        path = unquote(urlsplit(self.path).path)
        self.server.log.append(f"{self.command} {path}")
        self.body = self._read()
        self.user = TOKENS.get((self.headers.get("Authorization") or "")[len("Bearer ") :])
        if self.server.broken in path:
            return self.error(400, "", "broken")
        if self.headers.get("Authorization") and self.user is None:
            return self.error(401, "", "Invalid credentials in Authorization header")
        for methods, pattern, function in self.ROUTES:
            match = re.fullmatch(pattern, path)
            if match and self.command in methods.split("|"):
                named = match.groupdict()
                if "name" in named and not self._readable(named["name"]):
                    return self.error(404 if self.user else 401, "RepoNotFound", "no repository")
                return getattr(self, function)(**named)
        return self.error(404, "", f"the stand-in has no {self.command} {path}")

    def _read(self):
        """The body, whose length is in the header, or before each chunk."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    do_GET = do_HEAD = do_POST = do_PUT = _route

    def _readable(self, name):
        owner = name.split("/")[0]
        return name in self.server.repos and (name not in self.server.private or owner == self.user)

    def answer(self, value=None, code=200, content=None, **headers):
        """Sends JSON, or `content`."""
        content = json.dumps(value).encode() if content is None else content
        self.send_response(code)
        for key, text in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(key.replace("_", "-"), text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def error(self, code, kind, text):
        """Sends an error as the hub does: its kind is in a header."""
        extra = {"X_Error_Code": kind} if kind else {}
        self.answer({"error": text}, code, X_Error_Message=text, **extra)

    def home(self):
        self.answer({})

    def validate(self):
        self.answer({"errors": [], "warnings": []})

    def create(self):
        wanted = json.loads(self.body)
        owner, url = wanted["organization"], self.server.url
        name = f"{owner}/{wanted['name']}"
        if self.user is None:
            return self.error(401, "", "Invalid username or password.")
        if owner != self.user:
            return self.error(403, "", f"you have no rights for {owner}")
        if name in self.server.repos:
            return self.answer({"error": "exists", "url": f"{url}/{name}"}, 409)
        self.server.repos[name] = [{".gitattributes": b"*.safetensors filter=lfs\n"}]
        if wanted.get("private") or wanted.get("visibility") == "private":
            self.server.private.add(name)
        return self.answer({"url": f"{url}/{name}", "name": name, "id": name})

    def info(self, name):
        commits = self.server.repos[name]
        files = [{"rfilename": path} for path in commits[-1]]
        self.answer({"id": name, "sha": commit_id(name, len(commits)), "siblings": files})

    def tree(self, name):
        files = self.server.repos[name][-1]
        rows = [{"type": "file", "path": p, "size": len(b), "oid": "0"} for p, b in files.items()]
        self.answer(rows)

    def preupload(self, name):
        paths = [file["path"] for file in json.loads(self.body)["files"]]
        modes = {p: "lfs" if p.endswith(LARGE) else "regular" for p in paths}
        rows = [{"path": p, "uploadMode": m, "shouldIgnore": False} for p, m in modes.items()]
        self.answer({"files": rows})

    def batch(self, name):
        objects = json.loads(self.body)["objects"]
        rows = [
            {**o, "actions": {"upload": {"href": f"{self.server.url}/lfs/{o['oid']}"}}}
            for o in objects
        ]
        kind = "application/vnd.git-lfs+json"
        self.answer({"transfer": "basic", "objects": rows}, Content_Type=kind)

    def put(self, oid):
        if hashlib.sha256(self.body).hexdigest() != oid:
            return self.error(400, "", "another sha256")
        self.server.objects[oid] = self.body
        return self.answer({})

    def commit(self, name):
        if name.split("/")[0] != self.user:
            return self.error(403, "", "you have no rights")
        header, *lines = map(json.loads, self.body.splitlines())
        assert header["key"] == "header" and header["value"]["summary"]
        commits = self.server.repos[name]
        files = dict(commits[-1])
        for line in lines:
            value = line["value"]
            if line["key"] == "lfsFile":
                files[value["path"]] = self.server.objects[value["oid"]]
            else:
                assert line["key"] == "file", line
                files[value["path"]] = base64.b64decode(value["content"])
        commits.append(files)
        oid = commit_id(name, len(commits))
        url = f"{self.server.url}/{name}/commit/{oid}"
        return self.answer({"commitUrl": url, "commitOid": oid, "hookOutput": "", "success": True})

    def resolve(self, name, revision, path):
        commits = self.server.repos[name]
        ids = {commit_id(name, n): n - 1 for n in range(1, len(commits) + 1)} | {"main": -1}
        if revision not in ids:
            return self.error(404, "RevisionNotFound", "no revision")
        number = ids[revision] % len(commits) + 1
        head = {"X_Repo_Commit": commit_id(name, number)}
        content = commits[number - 1].get(path)
        if content is None:
            return self.answer({}, 404, X_Error_Code="EntryNotFound", **head)
        etag = f'"{hashlib.sha256(content).hexdigest()}"'
        return self.answer(content=content, ETag=etag, **head)
