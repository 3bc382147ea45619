"""Turning an answer into a response: the only place that makes one of the API's."""

from starlette.requests import Request
from starlette.responses import Response

from dialbook.wire.envelope import Answer, to_bytes


def reply(request: Request, answer: Answer) -> Response:
    """The answer in its envelope, as JSON."""
    body = to_bytes(answer, request.scope["request_id"], request.method)
    headers = {**answer.headers, **request.scope.get("rate_headers", {})}
    return Response(body, answer.http_code, headers, "application/json")
