"""Imported by Python before a client under test: WeChat's names lead nowhere, so a client that ignores the proxy is
refused here instead of calling the real WeChat."""

import socket

resolve = socket.getaddrinfo


def getaddrinfo(host, *args, **kwargs):
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name.endswith("weixin.qq.com"):
        raise socket.gaierror(socket.EAI_NONAME, f"{name} was looked up: the client went past the proxy")
    return resolve(host, *args, **kwargs)


socket.getaddrinfo = getaddrinfo
