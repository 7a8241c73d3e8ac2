"""HTTP responses of bare sockets."""

from benchmarks.harness.responses import whole_response

RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-A: b\r\n\r\nbody"


def test_a_response_is_whole_with_the_last_byte_of_its_body() -> None:
    assert {whole_response(RESPONSE[:end]) for end in range(len(RESPONSE))} == {None}
    assert whole_response(RESPONSE) == RESPONSE[:-8]
