"""The miniature city: the whole network of the regency in network namespaces of one machine."""
