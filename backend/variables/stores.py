"""Variables of the places where vectors and records are kept."""

from __future__ import annotations

from backend.variables.addresses import qdrant_address, redis_address
from backend.variables.base import Variable
from backend.variables.databases import database_address
from backend.variables.values import api_key, collection_name, plain_text

STORES = (
    Variable(
        "QDRANT_URL",
        kind="address",
        parse=qdrant_address,
        used_for="vectors",
        aliases=("QDRANT_HOST", "CLUSTER_ENDPOINT"),
        shown="none: embedded store in DATA_DIR",
        without=(
            "Vectors are kept by Qdrant Edge in DATA_DIR; a Space loses them when it "
            "restarts and ingests anew."
        ),
        where="The cluster's page shows its endpoint. QDRANT_HOST may come with QDRANT_PORT.",
        link="https://cloud.qdrant.io",
        example="https://<cluster>.cloud.qdrant.io:6333",
    ),
    Variable(
        "QDRANT_API_KEY",
        kind="key",
        parse=api_key,
        used_for="Qdrant Cloud",
        shown="none",
        where="Create one on the cluster's page, under API Keys.",
        link="https://cloud.qdrant.io",
        example="<your key>",
        secret=True,
    ),
    Variable(
        "QDRANT_COLLECTION_NAME",
        kind="name",
        parse=collection_name,
        used_for="the collection",
        aliases=("QDRANT_COLLECTION",),
        default="claude-cli-db",
        where="Any name; an existing collection is read as it is.",
        link="https://qdrant.tech/documentation/concepts/collections/",
        example="claude-cli-db",
    ),
    Variable(
        "NEON_API_KEY",
        kind="connection string",
        parse=database_address,
        used_for="PostgreSQL: accounts, history",
        aliases=("DATABASE_URL", "NEON_DATABASE_URL", "NEON_DB_URL", "POSTGRES_URL"),
        shown="none: SQLite in DATA_DIR",
        without=(
            "Accounts and history are kept by SQLite in DATA_DIR; a Space loses them when "
            "it restarts."
        ),
        where="A connection string, in spite of the name: open the project and press Connect.",
        link="https://console.neon.tech",
        example="postgresql://<user>:<password>@<host>/<database>?sslmode=require",
        secret=True,
    ),
    Variable(
        "REDIS_URL",
        kind="connection string",
        parse=redis_address,
        used_for="limits that several replicas share",
        shown="none",
        without="Each replica counts for itself.",
        where="Any Redis; the address begins with redis:// or rediss://.",
        link="https://redis.io/try-free/",
        example="rediss://default:<password>@<host>:6379",
        secret=True,
    ),
    Variable(
        "DATA_DIR",
        kind="path",
        parse=plain_text,
        used_for="embedded stores",
        default="data",
        shown="data (a Space: the first writable of /data, then data)",
        where=(
            "A folder that can be written to; on a Space, persistent storage is mounted at /data."
        ),
        link="https://huggingface.co/docs/hub/spaces-storage",
        example="/data",
    ),
)
