"""What readers share below the formats: JSON, XML and text lines read within bounds, and single values."""
