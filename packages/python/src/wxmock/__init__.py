"""A mock of WeChat mini-program login for tests.

``start()`` runs ``wxmock serve`` on a free port and gives a :class:`Mock`; under pytest the fixture ``wxmock`` does that.
"""

from ._mock import Hold, Mock, WxmockError, start

__all__ = ["Hold", "Mock", "WxmockError", "start"]
