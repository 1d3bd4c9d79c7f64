"""Listed contracts: prices, risk and daily settlement of one contract, and instruments rolled through contracts."""
