"""Follow everything that happens: python examples/follow_events.py localhost:9092 my-group."""

import json
import sys

from kafka import KafkaConsumer

servers, group = sys.argv[1:3]
reading = {"bootstrap_servers": servers, "group_id": group, "auto_offset_reset": "earliest"}
for record in KafkaConsumer("ofrecord.events", **reading):
    event = json.loads(record.value)
    if event["type"] != "position_passed":  # that is a marker: nothing happened here up to there
        print(event["type"], event["subject"], event["position"], flush=True)
