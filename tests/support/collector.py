"""Receives traces as a collector does: OTLP over HTTP or gRPC, read with the official messages. Writes one JSON object per span to a file.

    collector.py http|grpc PORT FILE refuse N [CERTIFICATE KEY]

`refuse N`: the first N exports are answered "not now". With a certificate and its key (PEM files), over TLS.
"""

import json
import ssl
import sys
import threading
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse

protocol, port, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
refusals = int(sys.argv[5])
secured = sys.argv[6:8]
lock = threading.Lock()


def attributes(pairs):
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


def refused():
    global refusals
    with lock:
        refusals -= 1
        return refusals >= 0


def keep(request, metadata):
    with lock, open(path, "a", encoding="utf-8") as file:
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    told = {
                        "trace": span.trace_id.hex(),
                        "span": span.span_id.hex(),
                        "parent": span.parent_span_id.hex(),
                        "name": span.name,
                        "kind": span.kind,
                        "start": span.start_time_unix_nano,
                        "end": span.end_time_unix_nano,
                        "status": span.status.code,
                        "attributes": attributes(span.attributes),
                        "resource": attributes(resource.resource.attributes),
                        "scope": scope.scope.name,
                        "metadata": metadata,
                    }
                    file.write(json.dumps(told) + "\n")


class Http(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        good = self.path == "/v1/traces" and self.headers["content-type"] == "application/x-protobuf"
        status = 400 if not good else 503 if refused() else 200
        if status == 200:
            keep(ExportTraceServiceRequest.FromString(body), dict(self.headers.items()))
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(status)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def serve_grpc():
    import grpc
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc

    class Service(trace_service_pb2_grpc.TraceServiceServicer):
        def Export(self, request, context):
            if refused():
                context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
            keep(request, {key: value for key, value in context.invocation_metadata() if isinstance(value, str)})
            return ExportTraceServiceResponse()

    server = grpc.server(futures.ThreadPoolExecutor(4))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Service(), server)
    if secured:
        certificate, key = (open(path, "rb").read() for path in secured)
        server.add_secure_port(f"127.0.0.1:{port}", grpc.ssl_server_credentials([(key, certificate)]))
    else:
        server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


if protocol == "grpc":
    serve_grpc()
else:
    Http.protocol_version = "HTTP/1.1"
    server = ThreadingHTTPServer(("127.0.0.1", port), Http)
    if secured:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*secured)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()
