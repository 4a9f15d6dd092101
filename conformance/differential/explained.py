class Case:
    def __init__(self, session, past, step, ours, why):
        self.session, self.past, self.step, self.ours, self.why = session, past, step, ours, why
def name(case):
    import re
    num=lambda s: re.sub(r"[0-9]+","N",re.sub(r"b'[^']*'|b\"[^\"]*\"","B",re.sub(r"=[0-9a-f]+|(more|end) [0-9a-f]*$","=",s)))
    hs=lambda ls: [num(l)[:60] for l in ls]
    e=case.step.error
    return f"{case.session.is_client and 'C' or 'S'} {case.step.what} | {hs(case.ours)} {num(case.why)} | {hs(case.step.lines)} {type(e).__name__ if e else ''} {num(str(e))[:90] if e else ''}"
