"""What editors are told about a flow: from its text alone, without running or importing anything."""
