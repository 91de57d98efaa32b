"""What bodies may be: JSON of a sensible size, and the bytes of files, which views read themselves."""

from typing import Any

from rest_framework.parsers import BaseParser, JSONParser

from api.problems import TooLarge

MOST_JSON = 2 * 2**20  # bytes


class SmallJson(JSONParser):
    def parse(self, stream: Any, media_type: str | None = None, parser_context: dict[str, Any] | None = None) -> Any:
        length = int((parser_context or {})["request"].META.get("CONTENT_LENGTH") or 0)
        if length > MOST_JSON:
            raise TooLarge(
                f"The body has {length:,} bytes; JSON may have {MOST_JSON:,}. Files have addresses of their own."
            )
        return super().parse(stream, media_type, parser_context)


class Bytes(BaseParser):
    media_type = "application/octet-stream"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: dict[str, Any] | None = None) -> Any:
        return stream
