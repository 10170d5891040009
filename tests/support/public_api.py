"""Call the public API of a site as its widget does, and check how it refuses."""

import json
from typing import Any

import httpx2

from tests.factories import HOST_ORIGIN, problem_body
from widget_api.sites.model import Site
from widget_api.sites.tickets import solve_challenge

JSON = {"Content-Type": "application/json"}


class Widget:
    """Calls the API as the widget does: challenge, ticket, report."""

    def __init__(self, client: httpx2.AsyncClient, site: Site, origin: str = HOST_ORIGIN) -> None:
        self.client, self.site, self.origin = client, site, origin
        self.root = f"/api/v1/sites/{site.key}"

    async def consent(self) -> str:
        return str((await self.client.get(self.root)).json()["consent"]["version"])

    async def ticket(self) -> str:
        headers = {"Origin": self.origin}
        challenge = await self.client.get(f"{self.root}/challenge", headers=headers)
        answer = await self.client.post(
            f"{self.root}/tickets", json={"challenge": solve_challenge(challenge.json())}, headers=headers
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["ticket"])

    async def send(
        self, key: str | None = "key-1", *, ticket: str | None = None, content: bytes | None = None, **changes: Any
    ) -> httpx2.Response:
        headers: dict[str, Any] = {
            "Origin": self.origin,
            **JSON,
            **({"Idempotency-Key": key.encode()} if key is not None else {}),
        }
        if content is None:
            body = problem_body(await self.consent(), ticket=ticket or await self.ticket(), **changes)
            content = json.dumps(body).encode()
        return await self.client.post(f"{self.root}/problems", content=content, headers=headers)

    async def written(self) -> int:
        row = await self.client._transport.app.state.context.database.row("SELECT COUNT(*) FROM problems")  # type: ignore[attr-defined]
        return int(row[0])


def problem(response: httpx2.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    found: dict[str, Any] = response.json()
    assert found["status"] == status
    assert found["title"]
    assert found["detail"]
    return found
