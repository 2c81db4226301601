#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""GET / against nginx and sources.tar against tar, in turns in one run: serving.py [ROUNDS]
Needs a release build with t/lib/frontend_host (make t/lib/frontend_host), nginx and wrk."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from fuzzsup import *
from wire import SourceIndex

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
PCS = 5000
NGINX = """daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{ access_log off; include /etc/nginx/mime.types; sendfile on; tcp_nodelay on; keepalive_requests 100000000;
server {{ listen 127.0.0.1:{port}; root {web}; index index.html; }} }}"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def requests_per_second(url):
    text = subprocess.run(["wrk", "-t1", "-c32", "-d3s", url], capture_output=True, text=True, check=True).stdout
    return float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))


def drain(descriptor):
    """Bytes that come until the end; the same reader for socket and pipe."""
    buffer, total = bytearray(1 << 20), 0
    while True:
        count = os.readv(descriptor, [buffer])
        if count == 0:
            return total
        total += count


def tar_of_ours(port):
    """MB/s from request to end."""
    start = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET /t/t0000/sources.tar HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        total = drain(connection.fileno())
    return total / 1e6 / (time.perf_counter() - start)


def tar_of_tar(parent, names):
    start = time.perf_counter()
    with subprocess.Popen(["tar", "c", "-C", parent, "-T", names], stdout=subprocess.PIPE) as process:
        total = drain(process.stdout.fileno())
    return total / 1e6 / (time.perf_counter() - start)


def median(values):
    return sorted(values)[len(values) // 2]


with scratch() as folder:
    sources = os.path.join(folder, "sources")
    os.mkdir(sources)
    for i in range(60):
        with open(os.path.join(sources, f"file{i}.c"), "wb") as file:
            file.write(os.urandom(1 << 20) * 2)
    web, port = web_folder(), free_port()
    with open(os.path.join(folder, "nginx.conf"), "w") as file:
        file.write(NGINX.format(folder=folder, port=port, web=web))
    nginx = subprocess.Popen(["nginx", "-c", os.path.join(folder, "nginx.conf")])
    atexit.register(nginx.terminate)
    ours = subprocess.Popen([os.path.join(BUILD, "t/lib/frontend_host"), os.path.join(BUILD, "fuzzsupd-frontend"), web, sources, "0", "1", str(PCS)],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    url = ours.stdout.readline().split()[0]
    our_port = int(url.rsplit(":", 1)[1].strip("/"))
    time.sleep(0.5)
    pairs = [(requests_per_second(f"http://127.0.0.1:{port}/"), requests_per_second(url)) for _ in range(ROUNDS)]
    print(f"GET /: nginx {median([a for a, _ in pairs]):.0f}/s, fuzzsupd {median([b for _, b in pairs]):.0f}/s: {median([b / a for a, b in pairs]):.2f} x")

    connection = http.client.HTTPConnection("127.0.0.1", our_port)
    connection.request("GET", "/t/t0000/index.bin")
    names = sorted(p for p in SourceIndex(connection.getresponse().read()).paths() if not p.startswith("/"))
    with open(os.path.join(folder, "names"), "w") as file:
        file.write("\n".join(names) + "\n")
    tar_of_ours(our_port)
    pairs = [(tar_of_tar(folder, os.path.join(folder, "names")), tar_of_ours(our_port)) for _ in range(ROUNDS)]
    print(f"sources.tar of {len(names)} files: tar {median([a for a, _ in pairs]):.0f} MB/s, fuzzsupd {median([b for _, b in pairs]):.0f} MB/s: {median([b / a for a, b in pairs]):.2f} x")
    ours.stdin.close()
    ours.wait()
    nginx.terminate()
    nginx.wait()
