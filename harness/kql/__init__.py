"""What runs KQL over tables, behind one Protocol."""
