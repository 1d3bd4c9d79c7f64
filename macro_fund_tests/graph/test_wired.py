def test_x(running_home):
    import time
    from macro_fund_tests.graph import harness
    from datetime import date
    T=running_home.lake.keys("reports/morning_pack")[-1]
    print(T, running_home.path)
    for k in running_home.lake.keys("reports/morning_pack"):
        print(k, [(t, running_home.lake.read(t, only=[k]).height) for t in ("pms/fills","pms/positions","pms/pnl","pms/trade_proposals","pms/orders")])
    c0=time.time(); c=harness.copy_home(running_home, running_home.path.parent/"zz"); print("copy", time.time()-c0)
    for a in ("portfolio/conviction","risk/var","silver/observations","reports/morning_pack", "bronze/bcb_focus"):
        c0=time.time(); r=harness.run_assets(c,[a],T); print(a, r.success, time.time()-c0, [s.error for s in r.steps])
    print(harness.upstream_of_books())
