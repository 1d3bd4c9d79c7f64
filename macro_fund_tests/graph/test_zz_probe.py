import time
def test_probe(opened_home, running_home, copy_home, more_keys):
    from macro_fund_tests.graph.harness import *
    t=time.process_time(); 
    print(more_keys, upstream_of_books())
    for k in more_keys: print(k, running_home.lake.read("pms/fills",only=[k]).height, running_home.lake.read("pms/positions",only=[k]).height, running_home.lake.read("pms/trade_proposals",only=[k]).height)
    h=copy_home(running_home)
    print("copy", time.process_time()-t); t=time.process_time()
    d=digests(h,more_keys); print(len(d), [k for k,v in d.items() if v==MISSING], "dig", time.process_time()-t)
    for k in ("agents/monetary_view","agents/regime_view","signals/rates_01","signals/fx_02","signals/cross_02"):
        print(k, opened_home.lake.read(k).filter(pl.col("session")==INCEPTION).select("status","reason").head(1).rows())
    t=time.process_time()
    r=run_assets(h,["silver/di_curve","portfolio/targets"],more_keys[1]); print(r, time.process_time()-t)
    r=run_assets(h,["silver/as_known"],more_keys[1]); print(r)
    assert not differences(d, digests(h,more_keys))
import polars as pl
