class HpoStorage: pass
