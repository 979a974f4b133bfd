"""What the product costs, beside a peer that was measured in the same run."""
