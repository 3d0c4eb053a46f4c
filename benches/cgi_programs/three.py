#!{python}
import email.message
import json
import sqlite3

print("Content-Type: text/plain\n")
message = email.message.EmailMessage()
message["Subject"] = "three"
database = sqlite3.connect(":memory:")
print(json.dumps([message["Subject"], database.execute("select 1 + 1").fetchone()[0]]))
