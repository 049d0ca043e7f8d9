"""A durable log on Apache Kafka."""
