"""Deliver events to sinks: lease, retry, give up. In order for each problem; a failing sink delays no other."""
