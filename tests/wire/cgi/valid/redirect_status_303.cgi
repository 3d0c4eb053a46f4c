Status: 303
Location: /done

