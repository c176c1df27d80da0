"""Drives a worker of Kafka Connect with REST clients that others wrote (requirements.txt). Usage: clients.py URL DIR.

Every expectation that does not hold ends it with status 1.
"""

import json
import sys
import time

import requests
from kafka_connect.kafka_connect import KafkaConnect
from kafka_connect_api.kafka_connect_api import Api, Cluster
from kafkaconnect.connect import Connect

URL, DIR = sys.argv[1:]
FILE = f"{DIR}/python-{time.time_ns()}.txt"  # new: connectors of earlier runs have left offsets
with open(FILE, "w", encoding="utf-8") as f:
    f.write("one\ntwo\n")
CONFIG = {"connector.class": "FileStreamSource", "tasks.max": 1, "file": FILE, "topic": "clients"}


def eventually(check):
    end = time.monotonic() + 20
    while True:
        try:
            value = check()
        except (requests.HTTPError, json.JSONDecodeError, LookupError) as error:  # as of a connector that was just created
            value, last = None, error
        else:
            last = value
        if value:
            return
        assert time.monotonic() < end, f"{check}: {last}"
        time.sleep(0.05)


def fails(status, call, *args):
    try:
        call(*args)
    except requests.HTTPError as error:
        assert error.response.status_code == status, error
        assert error.response.json()["error_code"] == status
    else:
        raise AssertionError(f"{call} did not fail with {status}")


def kafka_connect_py():
    c, name = KafkaConnect(URL), "client-kafka-connect-py"
    info = c.get_cluster_info()
    assert info["version"] and info["kafka_cluster_id"], info
    assert any(p["class"].endswith("FileStreamSourceConnector") for p in c.list_connector_plugins())
    found = c.validate_connector_config("FileStreamSource", {"connector.class": "FileStreamSource", "name": name})
    assert found["error_count"] == 1 and "Common" in found["groups"], found
    created = c.create_connector({"name": name, "config": CONFIG})
    assert created["config"]["tasks.max"] == "1", created
    fails(409, c.create_connector, {"name": name, "config": CONFIG})

    def state(want):
        def check():
            status = c.get_connector_status(name)
            return status["connector"]["state"] == want and [t["state"] for t in status["tasks"]] == [want]
        eventually(check)

    state("RUNNING")
    assert name in c.list_connectors()
    assert c.list_connectors(expand="status")[name]["status"]["type"] == "source"
    assert c.list_connectors(expand="info", pattern="client-.*")[name]["info"]["name"] == name
    assert name in c.list_connectors(state="RUNNING"), c.list_connectors(state="RUNNING")
    assert c.get_connector(name)["tasks"] == [{"connector": name, "task": 0}]
    assert c.get_connector_config(name)["topic"] == "clients"
    assert c.list_connector_tasks(name)[0]["config"]["task.class"]
    assert c.get_connector_task_status(name, 0)["state"] == "RUNNING"
    eventually(lambda: c.list_connector_topics(name)[name]["topics"] == ["clients"])
    c.reset_connector_topics(name)
    c.pause_connector(name)
    state("PAUSED")
    c.resume_connector(name)
    state("RUNNING")
    c.restart_connector(name)
    state("RUNNING")
    c.restart_connector(name, include_tasks=True, only_failed=False)
    state("RUNNING")
    c.restart_connector_task(name, 0)
    state("RUNNING")
    assert c.update_connector(name, dict(CONFIG, **{"batch.size": 7}))["config"]["batch.size"] == "7"
    c.stop_connector(name)
    eventually(lambda: c.get_connector_status(name)["connector"]["state"] == "STOPPED")
    c.delete_connector(name)
    fails(404, c.get_connector, name)


def kafkaconnect():
    c, name = Connect(URL), "client-kafkaconnect"
    assert json.loads(c.create_or_update(name, json.dumps(CONFIG))), "create"
    eventually(lambda: json.loads(c.status(name))["tasks"])
    eventually(lambda: json.loads(c.status(name))["tasks"][0]["state"] == "RUNNING")
    assert name in json.loads(c.list())
    assert json.loads(c.info(name))["type"] == "source"
    assert json.loads(c.config(name))["name"] == name
    assert len(json.loads(c.tasks(name))) == 1
    assert name in json.loads(c.topics(name))
    assert json.loads(c.plugins())
    assert json.loads(c.validate("FileStreamSource", json.dumps(dict(CONFIG, name=name))))["error_count"] == 0
    for call in (c.restart, c.pause, c.resume):
        assert call(name) == "", call(name)
    assert c.remove(name) == ""
    assert "not found" in c.info("nobody")


def kafka_connect_api():
    cluster, name = Cluster(Api(url=URL)), "client-kafka-connect-api"
    assert cluster.version and cluster.kafka_cluster
    cluster.api.post("/connectors", json={"name": name, "config": {k: str(v) for k, v in CONFIG.items()}})
    eventually(lambda: cluster.connectors[name].tasks)
    connector = cluster.connectors[name]
    eventually(lambda: connector.state == "RUNNING" and [t.state for t in connector.tasks] == ["RUNNING"])
    assert connector.exists()
    assert connector.connector_class
    connector.pause()
    eventually(lambda: connector.state == "PAUSED")
    connector.resume()
    eventually(lambda: connector.state == "RUNNING")
    connector.restart()
    connector.config = dict(connector.config, **{"batch.size": "5"})
    assert connector.config["batch.size"] == "5"
    assert "root" in cluster.loggers
    before = cluster.root_logger["level"]
    cluster.set_logger_log_level("org.apache.kafka.connect.runtime.WorkerSourceTask", "DEBUG")
    assert cluster.loggers["org.apache.kafka.connect.runtime.WorkerSourceTask"]["level"] == "DEBUG"
    cluster.set_logger_log_level("org.apache.kafka.connect.runtime.WorkerSourceTask", before)
    connector.delete()
    eventually(lambda: name not in cluster.connectors)


for drive in (kafka_connect_py, kafkaconnect, kafka_connect_api):
    drive()
    print(drive.__name__, "ok", flush=True)
