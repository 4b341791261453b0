"""Submit one transaction over Kafka, and print the status and the receipt that answer it.

python examples/submit_over_kafka.py localhost:9092 ofr_… harbor-bakery my-1 '{"type": …}'
"""

import hashlib
import hmac
import sys

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

servers, token, client_id, chosen_key, transaction = sys.argv[1:6]
_, key_id, secret = token.split("_", 2)
producer_id = ""  # a portal whose key is bound to none names one, here and in a header producer-id
signed = "\0".join([client_id, chosen_key, producer_id, transaction]).encode()
signature = hmac.new(hashlib.sha256(secret.encode()).digest(), signed, "sha256").hexdigest()
headers = {"idempotency-key": chosen_key, "ofrecord-key": key_id, "ofrecord-signature": signature}

receipts = KafkaConsumer(bootstrap_servers=servers)
partitions = receipts.partitions_for_topic("ofrecord.receipts")
receipts.assign([TopicPartition("ofrecord.receipts", partition) for partition in partitions])
for assigned in receipts.assignment():
    receipts.position(assigned)  # from now on: looked up before anything can be answered

command = [(name, value.encode()) for name, value in headers.items()]
with KafkaProducer(bootstrap_servers=servers) as producer:
    producer.send("ofrecord.commands", transaction.encode(), client_id.encode(), command).get(30)

mine = (key_id.encode(), chosen_key.encode())
for receipt in receipts:
    said = dict(receipt.headers)
    if (said["ofrecord-key"], said["idempotency-key"]) == mine:
        print(said["status"].decode(), receipt.value.decode())
        break
