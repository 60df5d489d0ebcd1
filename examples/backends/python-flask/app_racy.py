"""The same backend with its key policy changed: one key per user, the last response wins, a failed decrypt is a 400.

Each login looks right when it is tested alone. Two logins of one person at once, and the slower reply of WeChat
overwrites the newer key.
"""

from app import KeyPolicy, Problem, serve

serve(KeyPolicy(lambda store, session: store.latest_keys(session.user_id)[:1], lambda: Problem(400, "decrypt_failed")))
