"""Imported by Python before the program: connections to WeChat's hosts go to the mock, all others stay as they are.

A name of WeChat's resolves to a loopback address of its own, and a connection to that address goes to the mock's port,
so that clients which resolve first and connect later (asyncio, httpx, urllib3) are covered too. SNI, the Host header and
the check of the certificate are those of a real call; only for these names our root certificate is trusted as well.
Not covered: code that resolves or connects outside Python (uvloop, aiodns, pycurl) or replaces `socket` (gevent).
"""

import importlib.machinery
import importlib.util
import os
import socket
import ssl
import sys
from urllib.parse import urlsplit

HOSTS = frozenset((
    "api.weixin.qq.com",
    "api2.weixin.qq.com",
    "sh.api.weixin.qq.com",
    "sz.api.weixin.qq.com",
    "hk.api.weixin.qq.com",
    "qyapi.weixin.qq.com",
))
# Nobody listens there, so a connection that escapes us is refused at once and never leaves the machine.
STAND_IN = "127.43.89.10"


def is_wechat(host):
    if isinstance(host, (bytes, bytearray)):
        host = bytes(host).decode("ascii", "replace")
    return isinstance(host, str) and host.lower().rstrip(".") in HOSTS


def redirect(mock):
    """Sends connections to WeChat's hosts to `mock`, a pair of host and port."""
    resolve, plain = socket.getaddrinfo, socket.socket

    def getaddrinfo(host, port, *args, **kwargs):
        if not is_wechat(host):
            return resolve(host, port, *args, **kwargs)
        family = kwargs.get("family", args[0] if args else 0)
        if family in (socket.AF_INET, socket.AF_UNSPEC):
            return resolve(STAND_IN, port, *args, **kwargs)
        raise socket.gaierror(socket.EAI_NONAME, "wxmock answers on IPv4 only")

    def to_mock(sock, address):
        if isinstance(address, tuple) and (address[0] == STAND_IN or is_wechat(address[0])):
            return resolve(*mock, sock.family, socket.SOCK_STREAM)[0][4]
        return address

    def connect(sock, address):
        return super(plain, sock).connect(to_mock(sock, address))

    def connect_ex(sock, address):
        return super(plain, sock).connect_ex(to_mock(sock, address))

    socket.getaddrinfo = getaddrinfo
    plain.connect, plain.connect_ex = connect, connect_ex


def trust(root):
    """Adds our root certificate to a context when it is used for a host of WeChat's."""
    wrap_socket, wrap_bio = ssl.SSLContext.wrap_socket, ssl.SSLContext.wrap_bio

    def add(context, host):
        if is_wechat(host) and context.verify_mode != ssl.CERT_NONE:
            context.load_verify_locations(root)

    def with_socket(context, sock, server_side=False, do_handshake_on_connect=True,
                    suppress_ragged_eofs=True, server_hostname=None, session=None):
        add(context, server_hostname)
        return wrap_socket(context, sock, server_side, do_handshake_on_connect,
                           suppress_ragged_eofs, server_hostname, session)

    def with_bio(context, incoming, outgoing, server_side=False, server_hostname=None, session=None):
        add(context, server_hostname)
        return wrap_bio(context, incoming, outgoing, server_side, server_hostname, session)

    ssl.SSLContext.wrap_socket, ssl.SSLContext.wrap_bio = with_socket, with_bio


def chain():
    """Runs the sitecustomize this file stands in front of, as if we were not there."""
    here = os.path.dirname(os.path.abspath(__file__))
    others = [folder for folder in sys.path if os.path.abspath(folder or ".") != here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


if os.environ.get("WXMOCK_URL"):
    url = urlsplit(os.environ["WXMOCK_URL"])
    redirect((url.hostname, url.port or 80))
    trust(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "root.pem"))
chain()
