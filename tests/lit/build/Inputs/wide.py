# Rules whose automaton is exponential and whose patterns have 300,000 places.
print("config w { weight int8 }\nmatch first {")
for letter in "abcde":
    print(f'  re ".*{letter}.{{60000}}" => w')
print("}")
