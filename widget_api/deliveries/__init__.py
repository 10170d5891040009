"""What events owe to sinks: leased, tried again, given up; in order per problem, one failing holds up no other."""
