"""Sends what a request holds, byte for byte, and ends the connection: python3 raw-server.py PORT. Says "listening" once it is."""
import base64, re, socket, struct, sys

server = socket.create_server(('127.0.0.1', int(sys.argv[1])), backlog=128)
print('listening', flush=True)
while True:
    client, _ = server.accept()
    request = b''
    while b'\r\n\r\n' not in request and (chunk := client.recv(65536)):
        request += chunk
    if not request:
        client.close()
        continue
    head, answer = request.split(b'\r\n\r\n', 1)
    length = int((re.search(rb'\r\nContent-Length: (\d+)', head) or [0, 0])[1])
    while len(answer) < length:
        answer += client.recv(65536)
    how, _, query = head.split(b' ')[1].partition(b'?')
    # A GET has no body and says it in its query.
    client.sendall(answer or base64.urlsafe_b64decode(query + b'=='))
    if how == b'/reset':
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    client.close()
