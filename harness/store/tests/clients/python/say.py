"""Says what it is told to a store, one statement after the other, and prints each result as a line of JSON.

say.py KIND HOST PORT STATEMENTS: KIND is redis2, redis3, mysql, postgres or postgres-binary; STATEMENTS is JSON, each of them a list of
a text and perhaps its values, or of the words of a command.
"""

import json
import sys


def redis_(protocol, host, port):
    import redis

    client = redis.Redis(host=host, port=port, protocol=protocol, decode_responses=True)

    def say(words):
        if words[0] in ("PIPELINE", "TRANSACTION"):
            pipeline = client.pipeline(transaction=words[0] == "TRANSACTION")
            for command in words[1:]:
                pipeline.execute_command(*command)
            return pipeline.execute()
        return client.execute_command(*words)

    return say


def mysql(host, port):
    import pymysql

    client = pymysql.connect(
        host=host, port=port, user="app", password="secret", database="shop", autocommit=True, local_infile=True
    )

    def say(words):
        cursor = client.cursor()
        cursor.execute(*words)
        return cursor.fetchall() or cursor.rowcount

    return say


def postgres(host, port, placeholder):
    import psycopg

    client = psycopg.connect(
        host=host, port=port, user="app", password="secret", dbname="shop", autocommit=True, sslmode="prefer"
    )

    def say(words):
        text, *values = words
        if text.startswith("COPY"):
            with client.cursor() as cursor:
                with cursor.copy(text) as copy:
                    for row in values:
                        copy.write_row(row)
                return cursor.rowcount
        if values:
            text = text.replace("%s", placeholder)
        cursor = client.execute(text, *values, prepare=bool(values))
        return cursor.fetchall() if cursor.description else cursor.rowcount

    return say


def main():
    kind, host, port, statements = sys.argv[1:5]
    port = int(port)
    say = {
        "redis2": lambda: redis_(2, host, port),
        "redis3": lambda: redis_(3, host, port),
        "mysql": lambda: mysql(host, port),
        "postgres": lambda: postgres(host, port, "%s"),
        "postgres-binary": lambda: postgres(host, port, "%b"),
    }[kind]()
    for words in json.loads(statements):
        try:
            result = say(words)
        except Exception as error:
            result = {"error": str(error)}
        print(json.dumps(result, default=str), flush=True)


main()
