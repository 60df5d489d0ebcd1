"""Logins under load. WXMOCK_URL is the mock, --host your backend:  locust --headless -u 50 -t 1m --host http://127.0.0.1:8080"""

import itertools
import os

import requests
from locust import FastHttpUser, constant_throughput, task

MOCK = os.environ.get("WXMOCK_URL", "http://127.0.0.1:8910")
NUMBERS = itertools.count(1)


class Phone(FastHttpUser):
    wait_time = constant_throughput(10)

    def on_start(self):
        # Each simulated person is a user of the mock. With several locust workers, put a worker's name in front.
        app = requests.get(f"{MOCK}/_mock/v1/apps").json()["apps"][0]["appid"]
        self.person = f"load-{os.getpid()}-{next(NUMBERS)}"
        requests.post(f"{MOCK}/_mock/v1/apps/{app}/users", json={"name": self.person}).raise_for_status()
        self.mock = requests.Session()

    @task
    def login(self):
        code = self.mock.get(f"{MOCK}/_mock/wx/login", params={"user": self.person}).json()["code"]
        with self.client.post("/login", json={"code": code}, catch_response=True) as answer:
            if answer.status_code != 200:
                answer.failure(f"{answer.status_code}: {answer.text}")
