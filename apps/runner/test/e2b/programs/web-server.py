"""A web server for what a proxy must pass on: python3 web-server.py ADDRESS PORT [CERTIFICATE]. Says "listening" once it is."""
import base64, hashlib, http.server, json, select, socket, ssl, struct, sys, threading

gone = threading.Semaphore(0)
written = 0


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024
    address_family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET

    def handle_error(self, *_):
        """A client that has gone is no news."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    wbufsize = -1

    def log_message(self, *_):
        pass

    def answer(self, status, body=b'', headers=()):
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)
        self.wfile.flush()

    def body(self):
        """Every byte that was sent, as it comes."""
        if self.headers.get('Transfer-Encoding') == 'chunked':
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        left = int(self.headers.get('Content-Length', 0))
        while left > 0:
            chunk = self.rfile.read(min(left, 65536))
            if not chunk:
                return
            left -= len(chunk)
            yield chunk

    def any(self):
        route = self.path.split('?')[0]
        getattr(self, 'on_' + route.strip('/').replace('-', '_'), self.on_echo)()

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = any

    def on_echo(self):
        digest, length = hashlib.sha256(), 0
        for chunk in self.body():
            digest.update(chunk)
            length += len(chunk)
        told = {
            'method': self.command,
            'path': self.path,
            'headers': list(self.headers.items()),
            'length': length,
            'sha256': digest.hexdigest(),
            'client': self.client_address[1],
        }
        self.answer(200, json.dumps(told).encode(), [('Content-Type', 'application/json')])

    def on_many(self):
        headers = [('Set-Cookie', 'a=1; Path=/'), ('Set-Cookie', 'b=2'), ('X-Odd', 'caf\xe9')]
        self.answer(201, b'made', [*headers, ('Keep-Alive', 'timeout=9'), ('Connection', 'x-hop'), ('X-Hop', 'mine')])

    def on_redirect(self):
        self.answer(302, b'', [('Location', '/echo?redirected'), ('Set-Cookie', 's=1; Path=/app; HttpOnly')])

    def on_early(self):
        """Refuses a body before it has come, and takes the rest of it so that its answer is not lost."""
        self.answer(413, b'too large', [('Connection', 'close')])
        for _ in self.body():
            pass

    def on_refuse(self):
        """The same, and takes nothing more."""
        self.answer(413, b'too large', [('Connection', 'close')])
        self.connection.shutdown(socket.SHUT_WR)
        hung_up = select.poll()
        hung_up.register(self.connection, select.POLLHUP)
        hung_up.poll()
        self.close_connection = True

    def on_events(self):
        """One event at once, and then nothing until its client has gone."""
        self.send_response_only(200)
        self.send_header('Content-Type', 'text/event-stream')
        self.send_header('Transfer-Encoding', 'chunked')
        self.end_headers()
        self.wfile.flush()
        if self.path.endswith('first'):
            self.wfile.write(b'9\r\ndata: 1\n\n\r\n')
            self.wfile.flush()
        self.connection.recv(1)
        gone.release()
        self.close_connection = True

    def on_silent(self):
        """Not even headers, until its client has gone."""
        self.connection.recv(1)
        gone.release()
        self.close_connection = True

    def on_gone(self):
        """Answers when the client of one of the above has gone."""
        gone.acquire()
        self.answer(200, b'gone')

    def on_broken_upload(self):
        """Tells by `gone` that a body ended before its time."""
        try:
            total = sum(len(chunk) for chunk in self.body())
            if total < int(self.headers['Content-Length']):
                gone.release()
        except (ConnectionError, ValueError):
            gone.release()
        self.close_connection = True

    def on_endless(self):
        """As much as is taken."""
        global written
        self.send_response_only(200)
        self.send_header('Connection', 'close')
        self.end_headers()
        try:
            while True:
                self.wfile.write(bytes(65536))
                written += 65536
        except ConnectionError:
            gone.release()
        self.close_connection = True

    def on_written(self):
        self.answer(200, str(written).encode())

    def on_socket(self):
        """A websocket that says what it is asked."""
        accept = self.headers['Sec-WebSocket-Key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
        self.send_response_only(101)
        self.send_header('Upgrade', 'websocket')
        self.send_header('Connection', 'Upgrade')
        self.send_header('Sec-WebSocket-Accept', base64.b64encode(hashlib.sha1(accept.encode()).digest()).decode())
        self.end_headers()
        self.wfile.flush()
        self.close_connection = True
        while (frame := self.frame()) is not None:
            kind, payload = frame
            if len(payload) < 126:
                head = struct.pack('!BB', 0x80 | kind, len(payload))
            elif len(payload) < 65536:
                head = struct.pack('!BBH', 0x80 | kind, 126, len(payload))
            else:
                head = struct.pack('!BBQ', 0x80 | kind, 127, len(payload))
            self.wfile.write(head + payload)
            self.wfile.flush()
            if kind == 8:
                break
        gone.release()

    def frame(self):
        head = self.rfile.read(2)
        if len(head) < 2:
            return None
        length = head[1] & 127
        if length == 126:
            (length,) = struct.unpack('!H', self.rfile.read(2))
        elif length == 127:
            (length,) = struct.unpack('!Q', self.rfile.read(8))
        mask = self.rfile.read(4)
        payload = self.rfile.read(length)
        if len(payload) < length:
            return None
        whole = int.from_bytes(payload, 'big') ^ int.from_bytes((mask * (length // 4 + 1))[:length], 'big')
        return head[0] & 15, whole.to_bytes(length, 'big')


server = Server((sys.argv[1], int(sys.argv[2])), Handler)
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print('listening', flush=True)
server.serve_forever()
