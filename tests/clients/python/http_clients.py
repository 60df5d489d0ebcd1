"""HTTP clients that know nothing of a mock: each asks https://api.weixin.qq.com for a session, as a small backend would.

Prints the client's version and the body of the answer, a line each.
"""

import asyncio
import os
import sys
from urllib.parse import urlencode
from urllib.request import urlopen

URL = "https://api.weixin.qq.com/sns/jscode2session?" + urlencode({
    "appid": os.environ["WX_APPID"],
    "secret": os.environ["WX_SECRET"],
    "js_code": os.environ["WX_CODE"],
    "grant_type": "authorization_code",
})
PATIENCE_S = 20


def with_urllib():
    with urlopen(URL, timeout=PATIENCE_S) as answer:
        return "built in", answer.read().decode()


def with_urllib3():
    import urllib3

    return urllib3.__version__, urllib3.PoolManager(timeout=PATIENCE_S, retries=False).request("GET", URL).data.decode()


def with_requests():
    import requests

    return requests.__version__, requests.get(URL, timeout=PATIENCE_S).text


def with_httpx():
    import httpx

    return httpx.__version__, httpx.get(URL, timeout=PATIENCE_S).text


def with_aiohttp(**settings):
    import aiohttp

    async def get():
        patience = aiohttp.ClientTimeout(total=PATIENCE_S)
        async with aiohttp.ClientSession(timeout=patience, **settings) as session, session.get(URL) as answer:
            return await answer.text()

    return aiohttp.__version__, asyncio.run(get())


CLIENTS = {
    "urllib": with_urllib,
    "urllib3": with_urllib3,
    "requests": with_requests,
    "httpx": with_httpx,
    "aiohttp": with_aiohttp,
    "aiohttp-trust-env": lambda: with_aiohttp(trust_env=True),
}

print(*CLIENTS[sys.argv[1]](), sep="\n")
